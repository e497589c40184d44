// Package e2e tests the finished program from outside: the real binary in network namespaces, with
// telephones and peers that were not written here (SIPp, baresip, Linphone, a real Asterisk).
//
// The tests carry the build tag e2e and need root, ip(8), nsenter(1), sipp, baresip, linphonec and
// dnsmasq; `make e2e` runs them. A [lan.Tap] records everything that passes the network between the
// machines, and what a test expects is looked up there: the order of SIP messages, the addresses the
// audio travels between, the audio itself.
//
// Environment:
//
//	E2E_BRANCHLINE  the binary; default bin/branchline at the module root
//	E2E_AST22       root directory of an installed Asterisk 22, E2E_AST16 of an Asterisk 16
//	E2E_RUNNER      the script that runs an Asterisk from there; default asterisk-run
//	E2E_MIX         which exchanges to pair as server1+server3, a comma list of pairs such as
//	                ast22+branchline; default branchline+branchline. Tests of one exchange use
//	                the right one of the first pair, and those with sip.conf leave out pairs
//	                whose left one is an Asterisk 22, which knows it no more.
//	                The tests of the console's layout, behind a build tag more (interop), run both;
//	                see make interop-console
//	E2E_TRACES      a file to which each test of a pair adds what was repeated or refused in it;
//	                see make interop-traces
//	E2E_KEEP        keep the scratch directories of the exchanges and phones
package e2e
