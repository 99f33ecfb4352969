package sample

import (
	"math/rand/v2"

	"github.com/closeloop/closeloop/model"
)

// action is a change that the team makes to a case, with a note.
type action int

const (
	start action = iota
	addNote
	resolve
	reopen
	unassign
	reassign
	fallOverdue // not an action of the team: the target passes
)

// notes are the texts that the team writes at each stage of a complaint about one topic.
type notes struct{ starting, progress, resolved []string }

var complaintNotes = [topics]notes{
	delivery: {
		[]string{"Called: the parcel came a week late and nobody had told them. Asked logistics what went wrong.", "Apologised by phone. Logistics look for the missing part of the order."},
		[]string{"The carrier admits the delay. A replacement left today by express.", "Logistics name Thursday as the new date; passed it on."},
		[]string{"The replacement has arrived, shipping was refunded. They are content.", "All delivered. From now on they get the date by text message."},
	},
	support: {
		[]string{"Read the whole thread: four days without an answer. Called, apologised, took it over.", "Called back. They had to tell their story three times; wrote it down properly now."},
		[]string{"Support found the cause and tests a correction.", "Gave them a direct number, so that they need not queue again."},
		[]string{"Solved together with support, and explained. They thanked us for the call.", "Problem gone since Monday; checked once more by phone."},
	},
	quality: {
		[]string{"Called: two units failed. Asked for the serial numbers.", "Looked at their photos with the workshop; this is ours to mend."},
		[]string{"The workshop says it is a known fault of that batch. Replacements are packed.", "Units are on their way back to us."},
		[]string{"Replaced, running for a week without trouble.", "Repaired and tested; warranty extended by a year as a courtesy."},
	},
	price: {
		[]string{"Called about the new price; they had not seen the letter. Going through what they use.", "They compare offers. Asked for an appointment."},
		[]string{"They pay for seats nobody uses; worked out a smaller plan.", "Offer with the old price for twelve months is with their purchasing."},
		[]string{"Moved to the smaller plan, they save a fifth and stay.", "Signed for two years at the old price."},
	},
	invoicing: {
		[]string{"Called: billed for a cancelled item. Asked accounts for a correction.", "Third wrong invoice. Apologised and asked accounts to stop the reminders."},
		[]string{"Accounts found the cause: an old contract was still active.", "Credit note is being written."},
		[]string{"Credit note sent, the new invoice is right. They confirmed.", "Corrected, and next month's invoice checked in advance."},
	},
	ease: {
		[]string{"Called: they did not find the new reports. Arranged a session on screen.", "Sent them the short guide and offered an hour of training."},
		[]string{"Had the session with four of their people; two questions are with product.", "Product takes the idea of fewer steps up."},
		[]string{"Trained, and they manage by themselves now.", "The shortcut they missed came with this week's update. They like it."},
	},
}

// generalComplaintNotes are for a low score that names no topic.
var generalComplaintNotes = notes{
	[]string{"No reason given. Called and asked; they were glad somebody did.", "Wrote a mail to ask what went wrong."},
	[]string{"Left a message with their assistant.", "They will collect the points with the team and call back."},
	[]string{"Went through their list, everything settled.", "Talked it over. It was a bad week rather than a problem."},
}

// otherNotes are for responses that are no complaints: of passives, and of promoters who ask for a call.
var otherNotes = notes{
	[]string{"Called to say thank you and to ask what would make it a ten.", "Called back as they had asked."},
	[]string{"They would like to hear of new features earlier; put them on the list.", "Sent the material they had asked for."},
	[]string{"Question answered, nothing open.", "Good talk; they would act as a reference."},
}

var (
	reopenNotes   = []string{"They wrote again: it is not solved after all.", "The same problem came back within days.", "Closed too early, one point is still open."}
	giveBackNotes = []string{"On leave from tomorrow, somebody else please.", "Not my region; giving it back.", "I am not the right one for this contract."}
	handOverNotes = []string{"You know this customer better than I do.", "Please take this over, I am away from tomorrow.", "This is for your region."}
)

// note returns the text that accompanies the action. r is nil for a case that was opened for the customer, without a
// response.
func note(d *rand.Rand, do action, r *model.Response) string {
	n := &otherNotes
	if r != nil && model.CategoryOf(r.Score) == model.Detractor {
		n = &generalComplaintNotes
		if about, ok := topicOf(r); ok {
			n = &complaintNotes[about]
		}
	}
	return pick(d, [...][]string{n.starting, n.progress, n.resolved, reopenNotes, giveBackNotes, handOverNotes}[do])
}
