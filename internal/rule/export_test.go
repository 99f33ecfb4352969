package rule

// Where is the SQL twin of Match, for the test that compares both.
var Where = where
