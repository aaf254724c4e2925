// The agent role as a program of its own, for clients in other languages.
#include "guest/agent/agent_role.h"

int main(int argc, char** argv) { return inro::guest::agent::RunAgent(argc, argv); }
