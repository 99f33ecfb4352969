package intake

// Most is how many transactions of a token begin at once.
var Most = most
