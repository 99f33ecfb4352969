package intake

// MostRunning is how many transactions of a token run at a time.
const MostRunning = heldUpMost
