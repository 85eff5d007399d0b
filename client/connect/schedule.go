package connect

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Priorities of waits. An urgent wait has received its event, and looks once more for
// the outcome of its attempt. An initial wait does not know its owner yet.
const urgent, initial, regular = 0, 1, 2

// recovery is the time constant with which the looks return to their pace after a 429:
// the gap between them halves every 3.5 minutes.
const recovery = 5 * time.Minute

// schedule decides which wait looks next, and when. Times are durations since began.
// Its methods are called with Waiter.mu held.
type schedule struct {
	began       time.Time
	timer       *time.Timer   // fires when the next wait may look
	queues      [3][]*wait    // by priority, each sorted by due
	last        int           // priority of the last look that was not urgent
	gap, target time.Duration // current and configured time between two looks
	next        time.Duration // earliest time of the next look
	held        time.Duration // end of the last hold
}

func newSchedule(looksPerMinute int) schedule {
	s := schedule{began: time.Now(), timer: time.NewTimer(math.MaxInt64)}
	if n := time.Duration(cmp.Or(looksPerMinute, 500)); n > 0 {
		s.target = (time.Minute + n - 1) / n // rounded up
		s.gap = s.target
	}
	return s
}

// add queues a wait with a priority, to look as soon as possible after d.
func (s *schedule) add(t *wait, priority int, d time.Duration) {
	s.remove(t)
	t.priority, t.due = priority, time.Since(s.began)+d
	q := &s.queues[priority]
	i, _ := slices.BinarySearchFunc(*q, t.due+1, func(t *wait, due time.Duration) int { return cmp.Compare(t.due, due) })
	*q = slices.Insert(*q, i, t)
	s.wakeDue()
}

// remove removes a wait from its queue if it is there.
func (s *schedule) remove(t *wait) {
	s.queues[t.priority] = slices.DeleteFunc(s.queues[t.priority], func(other *wait) bool { return other == t })
}

// wakeDue wakes the waits that may look now, and sets the timer for the next one.
func (s *schedule) wakeDue() {
	for now := time.Since(s.began); ; {
		if at := max(s.next, min(s.due(urgent), s.due(initial), s.due(regular))); at > now {
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

// due returns when the first wait of a priority is due, the maximum if there is none.
func (s *schedule) due(priority int) time.Duration {
	if len(s.queues[priority]) == 0 {
		return math.MaxInt64
	}
	return s.queues[priority][0].due
}

// choose returns the priority of the wait that looks now. Initial waits go before regular
// ones, but not twice in a row while a regular wait is late: overdue by more than the time
// in which all regular waits look once. Otherwise a steady inflow of new waits would keep
// the others from looking.
func (s *schedule) choose(now time.Duration) int {
	if s.due(urgent) <= now {
		return urgent
	}
	late := now-s.due(regular) > s.gap*time.Duration(len(s.queues[regular]))
	yield := late && s.last == initial
	if s.last = regular; s.due(initial) <= now && !yield {
		s.last = initial
	}
	return s.last
}

// hold stops all looks for d, at most an hour, after a 429. It also doubles the gap
// between looks, to at least 120 ms and at most a minute. A second 429 during a hold is
// the response to a look sent before it, and does not double the gap again.
func (s *schedule) hold(d time.Duration) {
	now := time.Since(s.began)
	if now >= s.held {
		s.gap = min(2*max(s.gap, time.Minute/1000), time.Minute)
	}
	s.next = max(s.next, now+jittered(min(d, time.Hour)))
	s.held = max(s.held, s.next)
}

// jittered returns d plus a random tenth at most. It limits d to 73 years.
func jittered(d time.Duration) time.Duration {
	d = min(d, math.MaxInt64/4)
	return d + rand.N(d/10+1)
}
