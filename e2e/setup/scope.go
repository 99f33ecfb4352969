package setup

// British is the scope that shows customers of Great Britain.
var British = Vars{"customer": Vars{"country": Vars{"eq": "GB"}}}
