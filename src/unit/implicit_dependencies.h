// Dependencies that a unit has without saying so: "implicit" and "default" ones of systemd.unit(5),
// systemd.service(5), systemd.socket(5), systemd.timer(5), systemd.mount(5), systemd.slice(5). What
// orders a target after its members is added by the transaction, which knows them.
#pragma once

#include "unit/search_folders.h"
#include "unit/unit.h"

namespace inro::unit {

// Adds them to a unit whose files are all read; fills in `triggers`, names that a unit leaves to
// its default (a mount's Where=, an instance's slice), and makes instances of templates in its
// dependencies. `folders` tells which mount units exist.
void AddImplicitDependencies(Unit& unit, const SearchFolders& folders);

// What is wrong with a unit as a whole (a service without a command, a mount whose name is
// another's); empty: nothing.
std::string WhatIsMissing(const Unit& unit);

}  // namespace inro::unit
