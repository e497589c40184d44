package astdb

import (
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

const (
	// A commit may take at most a tenth of the time, so that a storm of new
	// registrations is written in ever larger groups instead of ever more often.
	restPerCommit = 10
	longestRest   = time.Second
	// After a failed write the disk is full or gone; both take time to cure.
	retryAfter = 30 * time.Second
)

// schedule makes writeBehind write within that time.
func (db *DB) schedule(within time.Duration) {
	if db.file == nil {
		return
	}
	at := time.Now().Add(within)
	db.mu.Lock()
	sooner := db.due.IsZero() || at.Before(db.due)
	if sooner {
		db.due = at
	}
	db.mu.Unlock()
	if sooner {
		select {
		case db.wake <- struct{}{}:
		default:
		}
	}
}

// writeBehind commits what is due. It ends when the store is closed.
func (db *DB) writeBehind() {
	defer close(db.done)
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	for {
		db.committing.Lock()
		rested := db.rested
		db.committing.Unlock()
		db.mu.RLock()
		due := db.due
		db.mu.RUnlock()
		if due.IsZero() {
			timer.Stop()
		} else {
			if due.Before(rested) {
				due = rested
			}
			timer.Reset(time.Until(due))
		}
		select {
		case <-db.closing:
			return
		case <-db.wake:
		case <-timer.C:
			db.committing.Lock()
			db.commitOrRetry()
			db.committing.Unlock()
		}
	}
}

// commitOrRetry is a commit nobody waits for the outcome of. The caller holds
// committing.
func (db *DB) commitOrRetry() {
	if err := db.commit(); err != nil {
		db.log.Error("database not written, will try again", "error", err, "after", retryAfter)
		db.rested = time.Now().Add(retryAfter)
		db.schedule(retryAfter)
	}
}

// Sync writes everything that is not on disk yet, in one transaction. After an
// error the values stay in memory and will be tried again with the next write.
func (db *DB) Sync() error {
	if db.file == nil {
		return nil
	}
	db.committing.Lock()
	defer db.committing.Unlock()
	return db.commit()
}

// commit does what Sync promises. The caller holds committing.
func (db *DB) commit() error {
	names, values, generation := db.takeDirty()
	if len(names) == 0 {
		return nil
	}
	start := time.Now()
	err := db.file.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucket)
		for i, n := range names {
			var err error
			if values[i] == nil {
				err = b.Delete([]byte(n))
			} else {
				err = b.Put([]byte(n), values[i])
			}
			if err != nil {
				return fmt.Errorf("%s: %w", n, err)
			}
		}
		return putGeneration(tx, generation)
	})
	db.rested = time.Now().Add(min(restPerCommit*time.Since(start), longestRest))
	if err != nil {
		db.mu.Lock()
		for _, n := range names {
			db.dirty[n] = true
		}
		db.mu.Unlock()
		return fmt.Errorf("database: %w", err)
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if err := db.journal.empty(generation); err != nil {
		return fmt.Errorf("database journal: %w", err)
	}
	return nil
}

// takeDirty empties the list of unwritten names and gives their values, nil
// for those to be removed, and the generation of their commit.
func (db *DB) takeDirty() (names []string, values [][]byte, generation uint64) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.due = time.Time{}
	names = make([]string, 0, len(db.dirty))
	values = make([][]byte, 0, len(db.dirty))
	for n := range db.dirty {
		names = append(names, n)
		var v []byte
		if s, ok := db.values[n]; ok {
			v = append(make([]byte, 0, len(s)), s...) // not nil, even if empty
		}
		values = append(values, v)
	}
	clear(db.dirty)
	if len(names) > 0 {
		generation = db.generation
		db.generation++
	}
	return names, values, generation
}

// Close writes what is left and closes the file.
func (db *DB) Close() error {
	if db.file == nil {
		return nil
	}
	close(db.closing)
	<-db.done
	err := db.Sync()
	if err == nil {
		err = db.file.Update(putClosed)
	}
	return errors.Join(err, db.journal.close(), db.file.Close())
}
