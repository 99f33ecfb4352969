package importer

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/intake"
)

func TestOverlap(t *testing.T) {
	t.Parallel()
	o := Options{Columns: Columns{Score: "score"}, Overlap: true}

	t.Run("begins a batch while the one before it is being saved", func(t *testing.T) {
		t.Parallel()
		s := &store{begun: make(chan []intake.Submission)}
		open := make(chan struct{})
		s.before = func([]intake.Submission) error {
			<-open
			return nil
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if report, err := s.keep(t, rows(250), o); err != nil || report.ResponsesCreated != 250 {
				t.Errorf("the report is %+v, the error %v", report, err)
			}
		}()
		<-s.begun
		<-s.begun
		select {
		case <-s.begun:
			t.Error("three batches are saved at a time")
		default:
		}
		close(open)
		<-s.begun
		<-ended
	})

	t.Run("reports the batches in the order of the file", func(t *testing.T) {
		t.Parallel()
		s, progress := new(store), new(watch)
		o := o
		o.Progress = progress
		file := strings.Replace(rows(1000), "score", "score,x", 1) // each row lacks a cell
		file = strings.ReplaceAll(file, ",comment 1", ",,comment 1")
		alone := new(watch)
		report, err := s.keep(t, file, o)
		if err != nil {
			t.Fatal(err)
		}
		o.Progress, o.Overlap = alone, false
		want, err := new(store).keep(t, file, o)
		if err != nil || !reflect.DeepEqual(report, want) || !reflect.DeepEqual(progress.rejected, alone.rejected) || len(alone.rejected) == 0 {
			t.Errorf("the report is %+v, not %+v; %v", report, want, err)
		}
		for i := 1; i < len(progress.done); i++ {
			if progress.done[i].Rows <= progress.done[i-1].Rows || progress.bytes[i] <= progress.bytes[i-1] {
				t.Errorf("batch %d ends after %d rows, the one before it after %d", i, progress.done[i].Rows, progress.done[i-1].Rows)
			}
		}
	})

	t.Run("commits nothing behind a batch that fails", func(t *testing.T) {
		t.Parallel()
		failed := errors.New("the disk failed")
		s := new(store)
		s.before = func([]intake.Submission) error {
			if len(s.batches) == 1 {
				return failed
			}
			return nil
		}
		report, err := s.keep(t, rows(1000), o)
		if !errors.Is(err, failed) || !strings.Contains(err.Error(), "lines 102 to") || report.Rows != 100 || len(s.kept) != 100 {
			t.Errorf("the report is %+v, the error %v; want the first batch only", report, err)
		}
	})

	t.Run("counts the batches that are being saved when the file cannot be read further", func(t *testing.T) {
		t.Parallel()
		failed := errors.New("the disk failed")
		s := new(store)
		file := io.MultiReader(strings.NewReader(rows(250)), failure{failed})
		report, err := Import(t.Context(), s, auth.Viewer{}, file, o)
		if !errors.Is(err, failed) || report.Rows != len(s.kept) || report.Rows < 200 {
			t.Errorf("the report is %+v, the error %v; %d are stored", report, err, len(s.kept))
		}
	})

	t.Run("reports what is done when stopped", func(t *testing.T) {
		t.Parallel()
		ctx, stop := context.WithCancel(t.Context())
		s := new(store)
		s.before = func([]intake.Submission) error {
			if len(s.batches) == 2 {
				stop()
			}
			return nil
		}
		report, err := Import(ctx, s, auth.Viewer{}, strings.NewReader(rows(1000)), o)
		if done := len(s.kept); !errors.Is(err, context.Canceled) || done == 0 || done == 1000 || report.Rows != done {
			t.Errorf("%d responses are stored, the report is %+v, the error %v", done, report, err)
		}
	})
}
