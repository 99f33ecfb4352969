-- +goose Up

-- What a user may see: filters as they were given, NULL where there is none. An empty filter would bound nothing, and
-- only a slip makes one.
ALTER TABLE users ADD COLUMN scope_customer jsonb
    CONSTRAINT users_scope_customer_check CHECK (jsonb_typeof(scope_customer) = 'object' AND scope_customer <> '{}');
ALTER TABLE users ADD COLUMN scope_response jsonb
    CONSTRAINT users_scope_response_check CHECK (jsonb_typeof(scope_response) = 'object' AND scope_response <> '{}');
ALTER TABLE users ADD COLUMN own_cases_only boolean NOT NULL DEFAULT false;
-- Customers' names, addresses, phone numbers and comments are kept from the user.
ALTER TABLE users ADD COLUMN personal_data_hidden boolean NOT NULL DEFAULT false;
-- An administrator could lift what bounds them: a bound would be none.
ALTER TABLE users ADD CONSTRAINT users_admin_check CHECK (role <> 'ADMIN' OR
    (scope_customer IS NULL AND scope_response IS NULL AND NOT own_cases_only AND NOT personal_data_hidden));
