package connect

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Priorities of waits. A wait whose event has come is urgent: it looks once more to
// learn how its attempt has ended. A newcomer has not learned its owner yet.
const urgent, newcomer, regular = 0, 1, 2

// After a 429 the looks return to their pace with this time constant: the gap between
// two of them is halved every 3.5 minutes.
const recovery = 5 * time.Minute

// schedule decides which wait looks next, and when. Times are durations since the
// schedule began. Its methods are called with Waiter.mu held.
type schedule struct {
	began       time.Time
	timer       *time.Timer   // fires when the next wait may look
	queues      [3][]*wait    // by priority, each in the order of due
	last        int           // priority to look, urgent aside
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

// add gives a wait a place in the queue of its priority, to look after d or as soon as it
// can after that.
func (s *schedule) add(t *wait, priority int, d time.Duration) {
	s.remove(t)
	t.priority, t.due = priority, time.Since(s.began)+d
	q := &s.queues[priority]
	i, _ := slices.BinarySearchFunc(*q, t.due+1, func(t *wait, due time.Duration) int { return cmp.Compare(t.due, due) })
	*q = slices.Insert(*q, i, t)
	s.call()
}

// remove takes a wait out of its queue if it is there.
func (s *schedule) remove(t *wait) {
	s.queues[t.priority] = slices.DeleteFunc(s.queues[t.priority], func(other *wait) bool { return other == t })
}

// call wakes the waits that may look now, and sets the timer for the next one.
func (s *schedule) call() {
	for now := time.Since(s.began); ; {
		if at := max(s.next, min(s.due(urgent), s.due(newcomer), s.due(regular))); at > now {
			s.timer.Reset(at - now)
			return
		}
		t := s.queues[s.choose(now)][0]
		s.remove(t)
		t.wake <- struct{}{}
		s.next = now + s.gap
		s.gap = max(s.target, s.gap-time.Duration(s.gap.Seconds()/recovery.Seconds()*float64(s.gap)))
	}
}

// due returns when the first wait of a priority is due.
func (s *schedule) due(priority int) time.Duration {
	if len(s.queues[priority]) == 0 {
		return math.MaxInt64
	}
	return s.queues[priority][0].due
}

// choose returns the priority that looks now. A newcomer goes before regular waits, but
// not twice in a row while one of them is late: due for longer than a turn of all regular
// waits takes. Without that, a steady inflow of waits would keep the others from looking.
func (s *schedule) choose(now time.Duration) int {
	if s.due(urgent) <= now {
		return urgent
	}
	late := now-s.due(regular) > s.gap*time.Duration(len(s.queues[regular]))
	yield := late && s.last == newcomer
	if s.last = regular; s.due(newcomer) <= now && !yield {
		s.last = newcomer
	}
	return s.last
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
