// Which Debian mirror and proxy the host's apt uses. Nothing else of the host's apt is looked at.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "image/source/apt_session.h"

namespace inro::image {

// The deb lines of a sources list in the one-line style, a ListSource for each. Lines that are
// commented out or malformed are passed over. sources.list(5).
std::vector<ListSource> ParseOneLineSources(std::string_view text);
// The same in the deb822 style; stanzas with "Enabled: no" are passed over.
std::vector<ListSource> ParseDeb822Sources(std::string_view text);

// All deb sources below the folder (normally "/etc/apt"), in apt's order. What cannot be read is
// passed over.
std::vector<ListSource> ReadHostSources(const std::string& folder);

// The URI (http, https or file) of the first source that offers exactly `suite`, else of the first
// that offers a suite of Debian's with the same ending ("-security" or none); "" when none does.
std::string FindMirror(const std::vector<ListSource>& sources, std::string_view suite);

// The host's settings of proxies and certificates for transports, as of apt-config(8). Empty when
// that cannot be run.
std::vector<std::pair<std::string, std::string>> ReadHostTransport();

}  // namespace inro::image
