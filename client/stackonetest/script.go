package stackonetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// script holds the injected faults.
type script struct {
	mu     sync.Mutex
	faults []*scripted // replaced, never modified
	count  int         // number of faults ever injected
}

type scripted struct {
	Fault
	number int
	err    error        // of Check; the fault is ignored
	taken  atomic.Int64 // may exceed Times, because it also counts requests that came too late
}

func (f *scripted) spent() bool { return f.Times >= 0 && f.taken.Load() >= int64(f.Times) }

func (f *scripted) take() bool { return f.taken.Add(1) <= int64(f.Times) || f.Times < 0 }

func (s *script) add(faults []*scripted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(s.faults), (*scripted).spent)
	for _, f := range faults {
		s.count++
		f.number = s.count
	}
	s.faults = append(left, faults...)
}

// remove removes the faults for which the function returns true.
func (s *script) remove(which func(*scripted) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = slices.DeleteFunc(slices.Clone(s.faults), which)
}

// take returns the fault that a request triggers, or the zero Fault. read returns the
// request with its body.
func (s *script) take(r Request, read func() Request) Fault {
	s.mu.Lock()
	faults := s.faults
	s.mu.Unlock()
	for _, f := range faults {
		if f.err != nil || f.spent() {
			continue
		}
		if f.Path != "" && f.Path != r.Path {
			continue
		}
		if f.When != nil {
			seen := r
			if f.Reset != ResetBeforeReading {
				seen = read()
			}
			if !f.When(seen.clone()) {
				continue
			}
		}
		if f.take() {
			return f.Fault
		}
	}
	return Fault{}
}

// pending returns copies of the faults that can still be triggered.
func (s *script) pending() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var pending []Fault
	for _, f := range s.faults {
		left := f.Times - int(f.taken.Load())
		if f.err != nil || f.Times >= 0 && left <= 0 {
			continue
		}
		fault := f.Fault
		fault.Header, fault.Body = f.Header.Clone(), bytes.Clone(f.Body)
		if fault.Times > 0 {
			fault.Times = left
		}
		pending = append(pending, fault)
	}
	return pending
}

func (s *script) verify() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, f := range s.faults {
		taken, times := int(f.taken.Load()), max(f.Times, 1)
		switch {
		case f.err != nil:
			errs = append(errs, f.err)
		case taken < times:
			errs = append(errs, fmt.Errorf("stackonetest: injected fault %d was triggered %d of %d times", f.number, taken, times))
		}
	}
	return errors.Join(errs...)
}
