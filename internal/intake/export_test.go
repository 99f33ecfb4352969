package intake

// MostRunning is how many transactions of a token run at a time.
const MostRunning = heldUpMost

// HeldUpFor is how long a call waits that finds two transactions.
const HeldUpFor = heldUpFor
