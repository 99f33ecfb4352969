package report_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/rate"
	"github.com/closeloop/closeloop/internal/report"
	"github.com/closeloop/closeloop/model"
)

func TestBoardWaitsUntilItsTokensOweNothing(t *testing.T) {
	t.Parallel()
	w := newWatched(t, 20)
	x := w.open(nil)
	debtor, other := w.as(0), w.as(0)
	debtor.TokenID, other.TokenID = model.ApiTokenID{UUID: model.NewUUID()}, model.ApiTokenID{UUID: model.NewUUID()}
	var debt, asked atomic.Int64
	work := rate.NewWork(time.Second, func(token model.ApiTokenID) time.Duration {
		if token != debtor.TokenID {
			return 0
		}
		asked.Add(1)
		return time.Duration(debt.Load())
	}, time.Now)
	w.reports.Close()
	w.reports = report.New(w.pg, w.log, work, func() time.Time { return now })
	w.reports.Tune(time.Millisecond, never)
	t.Cleanup(w.reports.Close)

	late, quick := w.watchAs(debtor, `{"status": ["CLOSED"]}`, false), w.watchAs(other, `{"status": ["OPEN"]}`, false)
	closed, open := next(t, late).Total, next(t, quick).Total
	debt.Store(int64(20 * time.Millisecond))
	before := asked.Load()
	w.setStatus(x, model.Closed)
	if s := next(t, quick); s.Total != open-1 {
		t.Errorf("the figures of a token that owes nothing are %d, want %d", s.Total, open-1)
	}
	for end := time.Now().Add(patience); asked.Load() < before+5; time.Sleep(time.Millisecond) { // the board has met its debt
		if time.Now().After(end) {
			t.Fatal("the board did not ask whether its token owes points")
		}
	}
	if !late.Newest() {
		t.Error("the board counted although its token owes points")
	}
	debt.Store(0)
	if s := next(t, late); s.Total != closed+1 {
		t.Errorf("the figures are %d once the points are paid, want %d", s.Total, closed+1)
	}
}
