package model

import "time"

// SourceTool is a survey tool. It decides which paths a new source has, and how the tool signs.
type SourceTool string

const (
	Typeform     SourceTool = "TYPEFORM"
	Delighted    SourceTool = "DELIGHTED"
	SurveyMonkey SourceTool = "SURVEYMONKEY"
	Qualtrics    SourceTool = "QUALTRICS"
	GoogleForms  SourceTool = "GOOGLE_FORMS"
	CustomTool   SourceTool = "CUSTOM"
)

// Source is a survey tool that posts responses, and how its JSON is read.
type Source struct {
	ID         SourceID
	Name       string // in the address
	Tool       SourceTool
	Survey     string           // where the payload names none
	OnConflict string           // as of submitResponse
	Mapping    []SourceMapping  `gorm:"serializer:json"`
	Condition  *SourceCondition `gorm:"serializer:json"` // nil: each payload is a response
	Secret     *string          // with which the tool signs; nil: it does not
	UserID     *UserID          // as whom signed deliveries without a token are stored; nil: they need a token
	CreatedAt  time.Time
	UpdatedAt  time.Time `gorm:"autoUpdateTime:false"`
}

// Signed reports whether deliveries must be signed.
func (s *Source) Signed() bool { return s.Secret != nil }

// SourceMapping says where a field of a response is in a payload.
type SourceMapping struct {
	Field string `json:"field"` // such as score or customer.email
	Path  string `json:"path"`  // of gjson
}

// SourceCondition says which payloads are responses.
type SourceCondition struct {
	Path   string   `json:"path"`
	Values []string `json:"values"`
}

// SourceFate is what became of a delivery.
type SourceFate string

const (
	FateAccepted  SourceFate = "ACCEPTED"
	FateCompleted SourceFate = "COMPLETED"
	FateKnown     SourceFate = "KNOWN"
	FateIgnored   SourceFate = "IGNORED"
	FateRefused   SourceFate = "REFUSED"
)

// SourceDelivery is one of the last deliveries of a source.
type SourceDelivery struct {
	ID         SourceDeliveryID
	SourceID   SourceID
	ReceivedAt time.Time
	Fate       SourceFate
	ResponseID *ResponseID // nil: there is none
	Code       *string     // of the first fault; nil: there is none
	Field      *string
	Path       *string
	Error      *string // nil also where it was removed, as it may have personal data
	Payload    *string // nil where it was no JSON or too long, or was removed
}
