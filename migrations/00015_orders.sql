-- +goose Up

-- A copy of the customer's, as the others: responses are sorted by it.
ALTER TABLE responses ADD COLUMN lifetime_value numeric(24, 4);
UPDATE responses r SET lifetime_value = c.lifetime_value FROM customers c WHERE c.id = r.customer_id AND c.lifetime_value IS NOT NULL;

-- Every order of a list has an index, whose ties are broken by id: the first page costs the same as one far on, and
-- the same among a million rows as among ten thousand. Missing values lie at the end; see internal/page/part.go.
CREATE INDEX cases_by_update ON cases (updated_at, id);
CREATE INDEX cases_by_assignment ON cases (assigned_at, id);
CREATE INDEX cases_by_target ON cases (due_at, id);
CREATE INDEX cases_by_closing ON cases (closed_at, id);
CREATE INDEX cases_by_score ON cases (score, id);
CREATE INDEX cases_by_value ON cases (lifetime_value, id);
CREATE INDEX cases_by_status ON cases (array_position(ARRAY['OPEN', 'IN_PROGRESS', 'CLOSED'], status), id);

CREATE INDEX responses_by_score ON responses (score, id);
CREATE INDEX responses_by_segment ON responses (segment_fold, id);
CREATE INDEX responses_by_testimonial ON responses (testimonial_likelihood, id);
CREATE INDEX responses_by_value ON responses (lifetime_value, id);

-- These two serve as filters, too.
DROP INDEX customers_company;
CREATE INDEX customers_company ON customers (company_fold, id);
DROP INDEX customers_last_name;
CREATE INDEX customers_last_name ON customers (last_name_fold, id);
CREATE INDEX customers_by_value ON customers (lifetime_value, id);
CREATE INDEX customers_by_contact ON customers (last_contacted_at, id);
DROP INDEX customers_next_survey;
CREATE INDEX customers_next_survey ON customers (next_survey_at, id);

CREATE INDEX notes_author ON notes (author_id, created_at, id);

-- Whether to look a part of a comment up, or to read the newest responses until enough have it, PostgreSQL decides by
-- how many of a sample have it. A hundred comments, as is usual, often have none that one in fifty has.
ALTER TABLE response_texts ALTER comment_fold SET STATISTICS 500;
