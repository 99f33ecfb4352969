package importer

import (
	"context"
	"fmt"
	"io"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/model"
)

// storedFile reads the parts of a stored file.
type storedFile struct {
	ctx    context.Context
	db     *gorm.DB
	id     model.ImportID
	size   int64
	offset int64
	part   int // the number of the part that is in memory; -1: none
	bytes  []byte
}

func newStoredFile(ctx context.Context, db *gorm.DB, i *model.Import) *storedFile {
	return &storedFile{ctx: ctx, db: db, id: i.ID, size: i.Bytes, part: -1}
}

// Read implements io.Reader.
func (s *storedFile) Read(into []byte) (int, error) {
	if s.offset >= s.size {
		return 0, io.EOF
	}
	if n := int(s.offset / partBytes); n != s.part {
		var rows []struct{ Bytes []byte }
		err := s.db.WithContext(s.ctx).Raw("SELECT bytes FROM import_parts WHERE import_id = ? AND n = ?", s.id, n).Scan(&rows).Error
		if err != nil {
			return 0, err
		}
		if len(rows) == 0 {
			return 0, io.ErrUnexpectedEOF
		}
		s.part, s.bytes = n, rows[0].Bytes
	}
	from := s.offset % partBytes
	if from >= int64(len(s.bytes)) {
		return 0, io.ErrUnexpectedEOF
	}
	size := copy(into, s.bytes[from:])
	s.offset += int64(size)
	return size, nil
}

// Seek implements io.Seeker.
func (s *storedFile) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.offset
	case io.SeekEnd:
		offset += s.size
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek to byte %d", offset)
	}
	s.offset = offset
	return offset, nil
}
