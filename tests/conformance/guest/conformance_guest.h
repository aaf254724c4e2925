// The words of the program that runs in the guests of the conformance test.
#pragma once

namespace inro::conformance {

inline constexpr unsigned kScriptPort = 9124;

// Executes scripts for the host, one after the other, on each connection to vsock kScriptPort:
//   host: "SECONDS BYTES\n" and BYTES of script for /bin/sh
//   guest: "CODE BYTES\n" and BYTES of what it printed (stdout and stderr); CODE is the exit code,
//          128 + signal, or 124 when it was killed after SECONDS
int ServeScripts();

// The tools of cases; each returns its exit code. `words` are those after the tool's name.
int SendNotification(char** words);  // each word a line, to $NOTIFY_SOCKET
int Converse(char** words);          // ADDRESS [TEXT]: sends TEXT, prints the answer
int AnswerOnSockets(char** words);   // [COUNT]: accepts on LISTEN_FDS, answers with name and pid
int ListDescriptors();               // one line a passed descriptor: number, name, kind
int TryCall(char** words);           // NAME: makes one system call, prints "ok" or errno's name
int IgnoreSignals(char** words);     // NAMES: ignores them and waits for ever
int PrintOptions(char** words);      // NAMES: the options of descriptor 3, one line each
int StoreDescriptor(char** words);   // NAME TEXT: a file with TEXT into the service's store
int ReadStored(char** words);        // the names of what was passed, and the first one's text
int KeepTerminal(char** words);      // LINK FILE: a new terminal at LINK; what it prints to FILE
int OwnBusName(char** words);        // NAME: owns it on the system bus; gives it up at SIGUSR1

}  // namespace inro::conformance
