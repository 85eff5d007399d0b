// It is generated from StackOne's description of connect sessions, and used
// through package client, which adds authentication, retries and errors. Fields
// left zero are not sent. Enums are open: a value without a constant is sent and
// kept as it is, and Valid only tells whether there is a constant. Types that
// hold secrets print without them.
package gen
