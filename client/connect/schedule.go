package connect

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"time"
)

const (
	defaultLooks = 500              // a minute
	recovery     = 10 * time.Minute // from no looks to all of them
	leastShare   = 1. / 64
	unlimitedGap = time.Minute / 1000 // between looks without a limit that come back after a 429
)

// schedule decides which wait looks next, and when. Its methods are called with
// Waiter.mu held.
type schedule struct {
	queue queue
	timer *time.Timer   // fires when the first of the queue may look
	gap   time.Duration // between two looks, as configured
	next  time.Time     // no look is made before

	// After a 429 the looks come back gradually: at the time since, this share of them
	// was allowed.
	share float64
	since time.Time
}

func newSchedule(looksPerMinute int) schedule {
	s := schedule{timer: time.NewTimer(0), share: 1}
	s.timer.Stop()
	switch n := time.Duration(looksPerMinute); {
	case n == 0:
		s.gap = time.Minute / defaultLooks
	case n > 0:
		s.gap = (time.Minute + n - 1) / n
	}
	return s
}

// add puts a wait in the queue, to look at the time due or as soon as it can after that.
func (s *schedule) add(t *wait, class int, due time.Time) {
	t.class, t.due = class, due
	heap.Push(&s.queue, t)
	s.call(time.Now())
}

// remove takes a wait out of the queue if it is there.
func (s *schedule) remove(t *wait) {
	if t.index >= 0 {
		heap.Remove(&s.queue, t.index)
	}
}

// call wakes the waits that may look now, and sets the timer for the next.
func (s *schedule) call(now time.Time) {
	for len(s.queue) > 0 {
		first := s.queue[0]
		at := first.due
		if at.Before(s.next) {
			at = s.next
		}
		if at.After(now) {
			s.timer.Reset(at.Sub(now))
			return
		}
		heap.Pop(&s.queue)
		first.called <- struct{}{}
		s.next = now.Add(s.pace(now))
	}
}

// pace returns the time between two looks.
func (s *schedule) pace(now time.Time) time.Duration {
	share := s.shareAt(now)
	switch {
	case share >= 1:
		return s.gap
	case s.gap == 0:
		return time.Duration(float64(unlimitedGap) / share)
	}
	return time.Duration(float64(s.gap) / share)
}

func (s *schedule) shareAt(now time.Time) float64 {
	return min(1, s.share+max(0, now.Sub(s.since).Seconds()/recovery.Seconds()))
}

// hold lets no wait look for d, because the service has answered 429. Those that come
// while the looks are held already were sent before, and count as the same.
func (s *schedule) hold(d time.Duration) {
	now := time.Now()
	if !now.Before(s.since) {
		s.share = max(leastShare, s.shareAt(now)/2)
	}
	if until := now.Add(later(d)); until.After(s.since) {
		s.next, s.since = until, until
	}
}

// later returns d and up to a tenth more, at random.
func later(d time.Duration) time.Duration {
	return d + min(rand.N(d/10+1), math.MaxInt64-d)
}

// The classes of waits in the queue: each goes before the next.
const (
	urgent   = iota // an event has come, and one more look is needed
	newcomer        // its owner and provider are not known
	regular
)

// queue is a heap of waits.
type queue []*wait

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	if q[i].class != q[j].class {
		return q[i].class < q[j].class
	}
	return q[i].due.Before(q[j].due)
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
