package rule

// Where is Match in SQL, for the test that compares both.
var Where = where
