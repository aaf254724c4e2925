#include "cli.h"

int main(int argc, char** argv) { return inro::cli::RunCli(argc, argv); }
