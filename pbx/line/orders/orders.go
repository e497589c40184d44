// Package orders is how everybody asks the goroutine that owns something to do things
// with it: in order, and without waiting.
package orders

import "sync"

// A Queue holds what is to be done with a T. Make one with New.
type Queue[T any] struct {
	mu    sync.Mutex
	todo  []func(T)
	ready chan struct{} // has an element when there may be something to do
}

// New makes an empty queue.
func New[T any]() *Queue[T] { return &Queue[T]{ready: make(chan struct{}, 1)} }

// Add never blocks.
func (q *Queue[T]) Add(f func(T)) {
	q.mu.Lock()
	q.todo = append(q.todo, f)
	q.mu.Unlock()
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// Ready has an element when Obey is due.
func (q *Queue[T]) Ready() <-chan struct{} { return q.ready }

// Obey does what has been added so far. It is for the owner alone, and locks nothing
// while something is being done.
func (q *Queue[T]) Obey(what T) {
	q.mu.Lock()
	todo := q.todo
	q.todo = nil
	q.mu.Unlock()
	for _, f := range todo {
		f(what)
	}
}
