package privacy_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// personal says for each column that can hold text what happens to it when a customer is erased. The test below fails for a
// new column: remove its personal data in erase.go (or in the Erase methods of model and event) and list it here, or list
// it with the reason why it names no person. The test of the database dump in e2e/privacy finds a column that is listed
// here as removed and is not.
var personal = map[string]map[string]string{
	"customers": {
		"external_id": removed, "name_key": removed, "first_name": removed, "last_name": removed, "email": removed, "email_fold": removed,
		"phone": removed, "company": removed, "company_fold": removed, "account_manager_email": removed, "agent_email": removed,
		"attributes": removed, "country": figure, "segment": figure, "segment_fold": figure,
		"external_id_fold": removed, "first_name_fold": removed, "last_name_fold": removed, "phone_fold": removed, "phone_key": removed,
		"account_manager_email_fold": removed, "agent_email_fold": removed, "attributes_fold": removed, "search_fold": removed,
	},
	"responses": {
		"external_id": removed, "comment": removed, "attributes": removed, "company_fold": removed,
		"drivers": "a figure, except for drivers that quote the customer",
		"survey":  figure, "category": figure, "contact_status": figure, "country": figure, "segment_fold": figure,
		"external_id_fold": removed, "survey_fold": figure, "statements": removed,
	},
	"response_texts":      {"comment_fold": removed, "attributes_fold": removed, "drivers_fold": "as the response's drivers"},
	"erased_response_ids": {"hash": "a keyed hash of the removed id, by which a response that is sent again is recognised"},
	"erasure_key":         {"key": secrets},
	"cases": {
		"root_cause": "the text is removed; the number of entries stays, as a figure", "company_fold": removed,
		"status": figure, "origin": figure, "category": figure, "country": figure, "segment_fold": figure,
		"survey_fold": figure,
	},
	"case_external_refs": {"system": "the row is deleted", "external_id": "the row is deleted", "url": "the row is deleted"},
	"notes":              {"body": removed, "body_fold": removed},
	"case_events": {
		"snapshot": "personal fields are removed by Erase in model", "before": "personal fields are removed by Erase in model", "improvement": removed,
		"whys": "the text is removed; the number of entries stays, as a figure",
		"type": figure, "previous_status": figure, "status": figure, "channel": figure, "offer": figure, "outcome": figure,
		"changed": "field names",
	},
	"notifications": {
		"last_error": removed, "to": "removed if it is the customer's address; otherwise a user's address", "to_fold": "as to",
		"kind": figure, "status": figure,
	},
	"river_job": {
		"args": "ids", "errors": "errors of the program; answers of mail servers are stored in notifications",
		"state": queue, "attempted_by": queue, "kind": queue, "metadata": queue, "queue": queue, "tags": queue, "unique_key": queue,
	},

	"users":      {"name": userData, "name_fold": userData, "email": userData, "email_fold": userData, "role": userData, "scope_customer": setting, "scope_response": setting},
	"api_tokens": {"name": setting, "hash": secrets, "previous_hash": secrets, "role": setting, "scope_customer": setting, "scope_response": setting},
	"audit_events": {
		"action": figure, "object_type": figure, "program": "a part of the program", "object_id": "an id", "address": userData,
		"before": "settings; the values of filters on personal data are hidden", "after": "settings; the values of filters on personal data are hidden",
	},
	"settings":         {"currency": setting, "time_zone": setting, "central_addresses": setting},
	"rules":            {"name": setting, "scores": setting, "filter": setting, "strategy": setting, "calendar": setting, "escalations": setting},
	"calendars":        {"calendar": setting},
	"case_escalations": {"notify": setting, "reassign": setting},
	"passives":         {"segment": "the row is deleted"},
	"idempotency_keys": {"key": "a hash", "mutation": "the name of a mutation", "input": "a hash", "answer": "ids"},
	"rule_recipients":  {"kind": setting, "address": setting},
	"themes":           {"name": setting, "name_fold": setting, "keywords": setting, "effort": setting},
	"imports": {"file_name": userData, "status": figure, "options": setting, "error": ours, "rejections": rows, "warnings": rows,
		"findings": "names of columns, and of values of settings"},
	"import_digests":     {"to_fold": userData, "to": userData},
	"import_parts":       {"bytes": "the file, until it is imported; its customers do not exist before that"},
	"webhooks":           {"url": setting, "events": setting, "filter": setting, "secret": secrets, "retired_secrets": secrets, "disabled_reason": "a status line or a message of the program"},
	"webhook_deliveries": {"status": figure, "last_error": "a status line or a message of the program; never the body of the receiver's answer"},
	"sources": {
		"name": setting, "tool": figure, "survey": setting, "on_conflict": figure, "mapping": setting, "condition": setting,
		"secret": "chosen by a user, or a key of the tool",
	},
	"source_deliveries": {
		"fate": figure, "code": figure, "field": "a name of a field", "path": setting, "error": removed, "payload": removed,
	},
	"registered_documents": {"id": setting, "body": setting},
	"changed_hours":        {"xid": ours}, "changed_hours_horizon": {"complete_from": ours, "next": ours},
	"feed_epochs": {"nonce": ours, "system_identifier": ours, "timeline": ours},
}

const (
	removed  = "removed"
	figure   = "a figure, or a value that the program defines"
	userData = "data of a user, not of a customer"
	setting  = "configured by users; not taken from customers"
	secrets  = "random, or a hash of a random value"
	queue    = "internal to the job queue"
	ours     = "internal to the program"
	rows     = "line numbers and errors of the file; an error quotes the cell that could not be read"
)

func TestEraseCustomerIsDecidedForEveryColumn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// Of the tables of the queue and of the migrations, only river_job holds data of the program.
	rows, _ := w.DB.Pool.Query(t.Context(), `SELECT c.table_name || '.' || c.column_name FROM information_schema.columns c
		JOIN information_schema.tables t USING (table_schema, table_name)
		WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND (table_name = 'river_job' OR table_name !~ '^(river|goose)_')
		AND data_type NOT IN ('uuid', 'boolean', 'smallint', 'integer', 'bigint', 'numeric', 'double precision', 'timestamp with time zone', 'date', 'bit')
		ORDER BY 1`)
	columns, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(columns) < 60 {
		t.Fatal(columns, err)
	}
	listed := map[string]bool{}
	for table, columns := range personal {
		for column := range columns {
			listed[table+"."+column] = true
		}
	}
	for _, column := range columns {
		if !listed[column] {
			t.Errorf("%s is not in the table personal: add whether erasing a customer removes its personal data", column)
		}
		delete(listed, column)
	}
	if len(listed) > 0 {
		t.Errorf("columns in the table personal that the database does not have: %s", strings.Join(slices.Sorted(maps.Keys(listed)), ", "))
	}
}
