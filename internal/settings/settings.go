// Package settings owns the write of the settings of the whole installation: currency, time zone, central addresses,
// the order of statuses, retention times and the lifetime of tokens.
//
// It refuses to apply them: casework, reports and mails read the settings that they need.
package settings

import (
	"context"
	"regexp"

	"github.com/99designs/gqlgen/graphql"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/audit"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

const (
	addressesMax        = 100
	eraseAfterMax       = 36_500 // days
	tokenLifetimeMax    = 3_650  // days
	auditRetentionLeast = 30     // days
	auditRetentionMax   = 3_650  // days
)

// Settings writes the settings of one database.
type Settings struct{ revisions *configuration.Revisions }

// New makes the writes.
func New(revisions *configuration.Revisions) *Settings { return &Settings{revisions} }

// UpdateSettingsInput changes the settings; an absent field stays.
type UpdateSettingsInput struct {
	Currency          graphql.Omittable[*string]
	TimeZone          graphql.Omittable[*string]
	CentralAddresses  graphql.Omittable[[]string]
	ForcedStatusOrder graphql.Omittable[*bool]
	EraseAfterDays    graphql.Omittable[*int]

	TokenLifetimeDays  graphql.Omittable[*int]
	AuditRetentionDays graphql.Omittable[*int]
}

// UpdateSettingsPayload is the settings after the change.
type UpdateSettingsPayload struct{ Settings *model.Settings }

var currencyPattern = regexp.MustCompile(`^[A-Z]{3}$`)

// Update changes the settings in one transaction. Only administrators may call it.
func (s *Settings) Update(ctx context.Context, viewer auth.Viewer, in UpdateSettingsInput) (*UpdateSettingsPayload, error) {
	if err := viewer.Require(model.Admin); err != nil {
		return nil, err
	}
	settings := new(model.Settings)
	err := s.revisions.Change(ctx, func(tx *gorm.DB) error {
		if err := configuration.Lock(tx); err != nil {
			return err
		}
		*settings = model.Settings{}
		if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Take(settings).Error; err != nil {
			return err
		}
		was := *settings
		if err := in.apply(settings); err != nil {
			return err
		}
		err := tx.Model(&model.Settings{}).Where("only_row").
			Select("Currency", "TimeZone", "CentralAddresses", "ForcedStatusOrder", "EraseAfterDays", "TokenLifetimeDays", "AuditRetentionDays").
			Updates(settings).Error
		if err != nil {
			return err
		}
		return audit.Append(tx, viewer, audit.Entry{Action: model.AuditSettingsUpdated, Before: &was, After: settings})
	})
	if err != nil {
		return nil, err
	}
	return &UpdateSettingsPayload{Settings: settings}, nil
}

// apply checks the given fields and sets them on the settings. It returns all faults together; the settings are then of
// no use.
func (in UpdateSettingsInput) apply(s *model.Settings) error {
	var faults []error
	refuse := func(err error) { faults = append(faults, err) }
	if v, ok := in.Currency.ValueOK(); ok && (v == nil || !currencyPattern.MatchString(*v)) {
		refuse(fault.Input("input.currency", "currency must be an ISO 4217 code, such as EUR"))
	} else if ok {
		s.Currency = *v
	}
	if v, ok := in.TimeZone.ValueOK(); ok {
		s.TimeZone = ""
		if v != nil {
			s.TimeZone = *v
		}
		if _, err := model.ParseTimeZone(s.TimeZone); err != nil {
			refuse(fault.Input("input.timeZone", "%s", err.Error()))
		}
	}
	if v, ok := in.CentralAddresses.ValueOK(); ok {
		if len(v) > addressesMax {
			refuse(fault.Input("input.centralAddresses", "centralAddresses may have at most %d addresses", addressesMax))
		}
		s.CentralAddresses = []string{}
		listed := map[string]bool{}
		for _, a := range v {
			if !listed[model.Fold(a)] {
				listed[model.Fold(a)] = true
				s.CentralAddresses = append(s.CentralAddresses, a)
			}
		}
	}
	if v, ok := in.ForcedStatusOrder.ValueOK(); ok && v == nil {
		refuse(fault.NotNull("forcedStatusOrder"))
	} else if ok {
		s.ForcedStatusOrder = *v
	}
	if v, ok := in.EraseAfterDays.ValueOK(); ok {
		if v != nil && (*v < 1 || *v > eraseAfterMax) {
			refuse(fault.Input("input.eraseAfterDays", "eraseAfterDays must be from 1 to %d; null means never", eraseAfterMax))
		}
		s.EraseAfterDays = v
	}
	faults = append(faults,
		applyDays("tokenLifetimeDays", in.TokenLifetimeDays, 1, tokenLifetimeMax, &s.TokenLifetimeDays),
		applyDays("auditRetentionDays", in.AuditRetentionDays, auditRetentionLeast, auditRetentionMax, &s.AuditRetentionDays))
	return fault.Join(faults...)
}

// applyDays sets a number of days that must be within bounds.
func applyDays(name string, in graphql.Omittable[*int], least, most int, into *int) error {
	v, given := in.ValueOK()
	switch {
	case !given:
		return nil
	case v == nil:
		return fault.NotNull(name)
	case *v < least || *v > most:
		return fault.Input("input."+name, fault.OutOfRange, name, least, most, *v)
	}
	*into = *v
	return nil
}
