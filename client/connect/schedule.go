package connect

import (
	"cmp"
	"container/heap"
	"math"
	"math/rand/v2"
	"time"
)

const (
	defaultLooks = 500 // a minute
	maxHold      = time.Hour

	// After a 429 the pace is halved, and returns to the configured one at this rate.
	recovery  = 10 * time.Minute // from nothing to the whole
	leastPace = 1. / 64

	// fullPace stands for the configured pace where there is no limit.
	fullPace = time.Minute / 1000
)

// schedule decides which wait looks next, and when. Times are durations since the
// schedule began. Its methods are called with Waiter.mu held.
type schedule struct {
	began time.Time
	timer *time.Timer // fires when the first wait in the queue may look
	queue queue
	gap   time.Duration // between two looks, as configured; 0: no limit
	next  time.Duration // no look is sent before

	pace  float64       // the part of the configured pace that was allowed
	since time.Duration // then
}

func newSchedule(looksPerMinute int) schedule {
	s := schedule{began: time.Now(), timer: time.NewTimer(math.MaxInt64), pace: 1}
	switch n := time.Duration(looksPerMinute); {
	case n == 0:
		s.gap = time.Minute / defaultLooks
	case n > 0:
		s.gap = (time.Minute + n - 1) / n // rounded up
	}
	return s
}

// A wait goes before all those with a lower priority.
const (
	regular  = time.Duration(0)
	newcomer = -math.MaxInt64 / 4 // its owner and provider are not known yet
	urgent   = 2 * newcomer       // an event has come for it
)

// add puts a wait in the queue, to look after d or as soon as it can after that.
func (s *schedule) add(t *wait, priority, d time.Duration) {
	t.due = priority + s.now() + d
	heap.Push(&s.queue, t)
	s.call()
}

// remove takes a wait out of the queue, and reports whether it was there.
func (s *schedule) remove(t *wait) bool {
	if t.index < 0 {
		return false
	}
	heap.Remove(&s.queue, t.index)
	return true
}

// call wakes the waits that may look now, and sets the timer for the next one.
func (s *schedule) call() {
	now := s.now()
	for len(s.queue) > 0 {
		if at := max(s.queue[0].due, s.next); at > now {
			s.timer.Reset(at - now)
			return
		}
		t := heap.Pop(&s.queue).(*wait)
		t.wake <- struct{}{}
		s.next = now + s.distance(now)
	}
}

// distance returns the time between two looks.
func (s *schedule) distance(now time.Duration) time.Duration {
	if pace := s.paceAt(now); pace < 1 {
		return time.Duration(float64(cmp.Or(s.gap, fullPace)) / pace)
	}
	return s.gap
}

func (s *schedule) paceAt(now time.Duration) float64 {
	return min(1, s.pace+max(0, float64(now-s.since)/float64(recovery)))
}

// hold lets no wait look for d, since the service has answered 429. Further 429s in
// that time are of looks that were sent before, and count as the same.
func (s *schedule) hold(d time.Duration) {
	now := s.now()
	if now >= s.since {
		s.pace = max(leastPace, s.paceAt(now)/2)
	}
	s.next = max(s.next, now+jittered(min(d, maxHold)))
	s.since = max(s.since, s.next)
}

func (s *schedule) now() time.Duration { return time.Since(s.began) }

// jittered returns d and up to a tenth more, at random. It cuts d to 73 years.
func jittered(d time.Duration) time.Duration {
	d = min(d, math.MaxInt64/4)
	return d + rand.N(d/10+1)
}

// queue is a heap of waits, the first to look at its top.
type queue []*wait

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	return q[i].due < q[j].due || q[i].due == q[j].due && q[i].number < q[j].number
}

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *queue) Push(x any) {
	t := x.(*wait)
	t.index = len(*q)
	*q = append(*q, t)
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	(*q)[last], *q = nil, (*q)[:last]
	t.index = -1
	return t
}
