package connect

import (
	"cmp"
	"container/heap"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Priorities of waits in the queue: the least goes first. An event has come for one that
// is urgent, and a newcomer does not know its owner.
const urgent, newcomer, regular = -math.MaxInt64 / 2, -math.MaxInt64 / 4, time.Duration(0)

// After a 429 the looks return to their pace with this time constant: the gap between
// two of them is halved every 3.5 minutes.
const recovery = 5 * time.Minute

// schedule decides which wait looks next, and when. Times are durations since the
// schedule began. Its methods are called with Waiter.mu held.
type schedule struct {
	began       time.Time
	timer       *time.Timer // fires when the first wait in the queue may look
	queue       queue
	added       uint64        // to the queue, since the schedule began
	gap, target time.Duration // between two looks: now, and as configured
	next        time.Duration // no look is sent before
	held        time.Duration // when the last hold ends
}

func newSchedule(looksPerMinute int) schedule {
	s := schedule{began: time.Now(), timer: time.NewTimer(math.MaxInt64)}
	if n := time.Duration(cmp.Or(looksPerMinute, 500)); n > 0 {
		s.target = (time.Minute + n - 1) / n // rounded up
		s.gap = s.target
	}
	return s
}

// add gives a wait a place in the queue, to look after d or as soon as it can after that.
func (s *schedule) add(t *wait, priority, d time.Duration) {
	s.remove(t)
	s.added++
	t.due, t.number = priority+time.Since(s.began)+d, s.added
	heap.Push(&s.queue, t)
	s.call()
}

// remove takes a wait out of the queue if it is there.
func (s *schedule) remove(t *wait) {
	if t.index >= 0 {
		heap.Remove(&s.queue, t.index)
	}
}

// call wakes the waits that may look now, and sets the timer for the next one.
func (s *schedule) call() {
	for now := time.Since(s.began); len(s.queue) > 0; {
		if at := max(s.queue[0].due, s.next); at > now {
			s.timer.Reset(at - now)
			return
		}
		heap.Pop(&s.queue).(*wait).wake <- struct{}{}
		s.next = now + s.gap
		s.gap = max(s.target, s.gap-time.Duration(s.gap.Seconds()/recovery.Seconds()*float64(s.gap)))
	}
}

// hold lets no wait look for d, an hour at most, since the service has answered 429,
// and doubles the gap, from at least 60 ms and up to a minute. A further 429 in that time
// answers a look that was sent before, and does not slow the looks again.
func (s *schedule) hold(d time.Duration) {
	now := time.Since(s.began)
	if now >= s.held {
		s.gap = min(2*max(s.gap, time.Minute/1000), time.Minute)
	}
	s.next = max(s.next, now+jittered(min(d, time.Hour)))
	s.held = max(s.held, s.next)
}

// jittered returns d, at most 73 years, and up to a tenth more at random.
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
	t.index = -1
	*q = slices.Delete(*q, last, last+1)
	return t
}
