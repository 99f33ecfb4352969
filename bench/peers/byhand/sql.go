package byhand

// The statements of the questions. PostgreSQL's pgbench runs the same ones.
const (
	// Case has the parameter number, and so has Notes.
	Case = `SELECT c.number, c.status, c.opened_at, c.due_at, ` + customer + `, r.score, r.comment, r.responded_at, u.name
FROM cases c JOIN customers k ON k.id = c.customer_id LEFT JOIN responses r ON r.id = c.response_id LEFT JOIN users u ON u.id = c.assignee_id
WHERE c.number = $1`
	Notes = `SELECT n.body, n.created_at, u.name
FROM cases c JOIN notes n ON n.case_id = c.id JOIN users u ON u.id = n.author_id
WHERE c.number = $1 ORDER BY n.created_at DESC, n.id DESC LIMIT 10`

	Open = `SELECT ` + row + ` WHERE c.status = 'OPEN' ORDER BY c.opened_at DESC, c.id DESC LIMIT 51`

	// The parameters are the country, the least and the highest score, and the time and the id of the last case of the
	// page before. Country and score are the copies that closeloop keeps in its cases.
	Filtered = `SELECT ` + row + `
WHERE c.status = 'OPEN' AND c.country = $1 AND c.score BETWEEN $2 AND $3 AND (c.opened_at, c.id) < ($4, $5)
ORDER BY c.opened_at DESC, c.id DESC LIMIT 51`

	Statuses  = `SELECT status, count(*) FROM cases GROUP BY status`
	Assignees = `SELECT coalesce(u.name, 'Nobody'), t.open FROM (
	SELECT assignee_id, count(*) AS open FROM cases WHERE status = 'OPEN' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10
) t LEFT JOIN users u ON u.id = t.assignee_id ORDER BY t.open DESC, t.assignee_id`

	// A response in. The parameters of PutCustomer are the customer's id in the system that feeds the data, names, address and
	// country; of PutResponse its id in that system, the customer, score and comment; of OpenCase customer, response and
	// assignee; of LogCase the case.
	PutCustomer = `INSERT INTO peers.plain_customers AS c (external_id, first_name, last_name, email, country, last_response_at)
VALUES ($1, $2, $3, $4, $5, now())
ON CONFLICT (external_id) DO UPDATE SET first_name = excluded.first_name, last_name = excluded.last_name,
	email = excluded.email, country = excluded.country, last_response_at = excluded.last_response_at
RETURNING c.id`
	PutResponse = `INSERT INTO peers.plain_responses (external_id, customer_id, score, comment, responded_at)
VALUES ($1, $2, $3, $4, now()) RETURNING id`
	OpenCase = `INSERT INTO peers.plain_cases (status, customer_id, response_id, assignee_id, opened_at, due_at)
VALUES ('OPEN', $1, $2, $3, now(), now() + interval '48 hours') RETURNING id, number, due_at`
	LogCase = `INSERT INTO peers.plain_events (case_id, type, at) VALUES ($1, 'OPENED', now())`

	customer = `coalesce(nullif(concat_ws(' ', k.first_name, k.last_name), ''), k.email, 'Customer ' || k.number), k.company, k.country`
	row      = `c.id, c.number, c.opened_at, c.due_at, ` + customer + `, r.score, u.name
FROM cases c JOIN customers k ON k.id = c.customer_id LEFT JOIN responses r ON r.id = c.response_id LEFT JOIN users u ON u.id = c.assignee_id`
)
