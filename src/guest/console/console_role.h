// Role `console`: a shell for whoever sits at the other end.
//
//   inro-guest console           standard input is a connection of the host's (Accept=yes): a shell
//                                on a pseudo-terminal, raw bytes both ways, until either ends
//   inro-guest console TERMINAL  a shell on that terminal; /dev/console stands for the terminal
//                                behind it
//
// Over vsock only the host may talk (peer CID 2): any other peer is closed without a word. Where no
// shell is installed, a line says so.
#pragma once

namespace inro::guest::console {

// The role's main function; returns its exit code.
int RunConsole(int argc, char** argv);

}  // namespace inro::guest::console
