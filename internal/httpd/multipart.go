package httpd

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/live/wire"
)

// uploads serves requests with files, as the graphql-multipart-request-spec describes them: the operation, a map of the
// places of the files in its variables, then the files. It checks every place before it reads a file.
type uploads struct{}

var _ graphql.Transport = uploads{}

// Supports implements graphql.Transport.
func (uploads) Supports(r *http.Request) bool { return isUpload(r) }

// Do implements graphql.Transport.
func (uploads) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	if status, err := checkUpload(r); err != nil { // before any of it is read
		refuse(w, r, exec, status, err)
		return
	}
	if wire.IsEncoded(r.Header) {
		w.Header().Set("Accept-Encoding", "identity")
		refuseRequest(w, r, exec, http.StatusUnsupportedMediaType, wire.Encoded)
		return
	}
	media := negotiate(r.Header.Values("Accept"))
	if media == "" {
		refuseMedia(w, r, exec)
		return
	}
	start := graphql.Now()
	r.Body = http.MaxBytesReader(w, r.Body, uploadMax)
	form := uploadForm{inMemory: r.ContentLength < uploadInMemory}
	defer form.close()
	if err := form.read(r); err != nil {
		status := http.StatusBadRequest
		var disk *os.PathError
		switch {
		case errors.Is(err, errFormTooLarge), errors.Is(err, errOperationTooLarge):
			status = http.StatusRequestEntityTooLarge
		case errors.As(err, &disk):
			refuse(w, r, exec, http.StatusInternalServerError, withCode(fault.CodeInternal, "the server could not keep the file; try again later"))
			return
		}
		refuseRequest(w, r, exec, status, err.Error())
		return
	}
	form.params.ReadTime = graphql.TraceTiming{Start: start, End: graphql.Now()}
	execute(w, r, exec, form.params, media)
}

var (
	errForm              = errors.New("the request must be a form with the parts operations, map and the files, in this order (graphql-multipart-request-spec)")
	errMap               = errors.New(`the part map must be a JSON object that names the places of each file, such as {"0": ["variables.input.file"]}`)
	errPlace             = errors.New("the part map names a place that is not in the variables: a place is a path such as variables.input.file, at which the variables have null")
	errFiles             = errors.New("the files of the request must be those that the part map names, each once")
	errCut               = errors.New("the body ended too early")
	errSlow              = errors.New("the body took too long to arrive: send it faster, or split it")
	errPart              = errors.New("the header of a part of the form is not well-formed")
	errOperationTooLarge = errors.New("the operation or the map is larger than 1 MiB")
	errFormTooLarge      = errors.New("the request is larger than 1 GiB; split the file, and repeat its header line in each part")
)

// uploadForm is a request with files while it is read.
type uploadForm struct {
	inMemory bool // whether files are kept in memory rather than in temporary files
	params   *graphql.RawParams
	places   map[string][]func(graphql.Upload) // of each file, by the name of its part
	files    []*os.File
}

func (f *uploadForm) read(r *http.Request) error {
	parts, err := r.MultipartReader()
	if err != nil {
		return errForm
	}
	text, err := readPart(parts, "operations")
	if err != nil {
		return err
	}
	if f.params, err = wire.ParseBody(text); err != nil {
		return err
	}
	f.params.Headers = r.Header
	if text, err = readPart(parts, "map"); err != nil {
		return err
	}
	if err := f.readMap(text); err != nil {
		return err
	}
	for {
		part, err := parts.NextPart()
		switch {
		case err == io.EOF && len(f.places) == 0:
			return nil
		case err == io.EOF:
			return errFiles
		case err != nil:
			return cut(err)
		}
		if err := f.readFile(part); err != nil {
			return err
		}
	}
}

// cut says why the rest of a body could not be read; of a disk that does not take the file it returns the error itself.
func cut(err error) error {
	var tooLarge *http.MaxBytesError
	var disk *os.PathError
	switch {
	case errors.As(err, &tooLarge):
		return errFormTooLarge
	case errors.As(err, &disk):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errSlow
	case errors.As(err, new(textproto.ProtocolError)):
		return errPart
	}
	return errCut
}

func readPart(parts *multipart.Reader, name string) ([]byte, error) {
	part, err := parts.NextPart()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, new(textproto.ProtocolError)):
		return nil, cut(err)
	case err != nil || part.FormName() != name:
		return nil, errForm
	}
	text, err := io.ReadAll(io.LimitReader(part, bodyMax+1))
	switch {
	case err != nil:
		return nil, cut(err)
	case len(text) > bodyMax:
		return nil, errOperationTooLarge
	}
	return text, nil
}

func (f *uploadForm) readMap(text []byte) error {
	var paths map[string][]string
	if json.Unmarshal(text, &paths) != nil || paths == nil {
		return errMap
	}
	f.places = make(map[string][]func(graphql.Upload), len(paths))
	for key, list := range paths {
		if len(list) == 0 {
			return errMap
		}
		for _, path := range list {
			put := placeIn(f.params.Variables, path)
			if put == nil {
				return errPlace
			}
			f.places[key] = append(f.places[key], put)
		}
	}
	return nil
}

// placeIn returns the function that puts a file at a path of the variables; nil if there is no such place.
func placeIn(variables map[string]any, path string) func(graphql.Upload) {
	steps := strings.Split(path, ".")
	if steps[0] != "variables" {
		return nil
	}
	var at any = variables
	var put func(graphql.Upload)
	for _, step := range steps[1:] {
		switch in := at.(type) {
		case map[string]any:
			var there bool
			if at, there = in[step]; !there {
				return nil
			}
			put = func(u graphql.Upload) { in[step] = u }
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(in) {
				return nil
			}
			at = in[i]
			put = func(u graphql.Upload) { in[i] = u }
		default:
			return nil
		}
	}
	if at != nil {
		return nil
	}
	return put
}

func (f *uploadForm) readFile(part *multipart.Part) error {
	places := f.places[part.FormName()]
	if len(places) == 0 {
		return errFiles
	}
	delete(f.places, part.FormName())
	content, size, err := f.keep(part)
	if err != nil {
		return cut(err)
	}
	for _, put := range places {
		put(graphql.Upload{
			File: io.NewSectionReader(content, 0, size), Size: size, Filename: part.FileName(), ContentType: part.Header.Get("Content-Type"),
		})
	}
	return nil
}

func (f *uploadForm) keep(part io.Reader) (io.ReaderAt, int64, error) {
	if f.inMemory {
		text, err := io.ReadAll(part)
		return bytes.NewReader(text), int64(len(text)), err
	}
	file, err := os.CreateTemp("", "closeloop-upload-")
	if err != nil {
		return nil, 0, err
	}
	f.files = append(f.files, file)
	size, err := io.Copy(file, part)
	return file, size, err
}

func (f *uploadForm) close() {
	for _, file := range f.files {
		_ = file.Close()
		_ = os.Remove(file.Name())
	}
}
