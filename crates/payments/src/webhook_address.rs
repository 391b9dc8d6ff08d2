//! Which network addresses a webhook may be sent to: those that the whole internet reaches, and no others.
//!
//! It is a list of what is allowed (global unicast) with the special blocks of the IANA registries taken out, so that a
//! block nobody thought of is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Special IPv4 blocks: address, length of the prefix.
const SPECIAL_V4: [([u8; 4], u32); 16] = [
    ([0, 0, 0, 0], 8),        // this network
    ([10, 0, 0, 0], 8),       // private
    ([100, 64, 0, 0], 10),    // carriers' NAT
    ([127, 0, 0, 0], 8),      // loopback
    ([169, 254, 0, 0], 16),   // link-local, and the clouds' metadata
    ([172, 16, 0, 0], 12),    // private
    ([192, 0, 0, 0], 24),     // protocol assignments
    ([192, 0, 2, 0], 24),     // documentation
    ([192, 88, 99, 0], 24),   // 6to4 relays
    ([192, 168, 0, 0], 16),   // private
    ([198, 18, 0, 0], 15),    // benchmarks
    ([198, 51, 100, 0], 24),  // documentation
    ([203, 0, 113, 0], 24),   // documentation
    ([168, 63, 129, 16], 32), // a cloud's own services, on a global address
    ([224, 0, 0, 0], 4),      // multicast
    ([240, 0, 0, 0], 4),      // reserved, broadcast
];

/// The only IPv6 block in which global unicast addresses are handed out.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Special blocks within it. Mapped, compatible, NAT64, link-local and unique local addresses lie outside.
const SPECIAL_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments, Teredo among them
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4: an IPv4 address inside
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// Whether the whole internet reaches that address.
pub fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            !SPECIAL_V4.iter().any(|(block, length)| in_v4(address, Ipv4Addr::from(*block), *length))
        }
        IpAddr::V6(address) => {
            let (block, length) = GLOBAL_V6;
            in_v6(address, block, length) && !SPECIAL_V6.iter().any(|(block, length)| in_v6(address, *block, *length))
        }
    }
}

fn in_v4(address: Ipv4Addr, block: Ipv4Addr, length: u32) -> bool {
    (address.to_bits() ^ block.to_bits()).leading_zeros() >= length
}

fn in_v6(address: Ipv6Addr, block: Ipv6Addr, length: u32) -> bool {
    (address.to_bits() ^ block.to_bits()).leading_zeros() >= length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, global: bool) {
        assert_eq!(is_global(address.parse().expect(address)), global, "{address}");
    }

    #[test]
    fn the_edges_of_each_special_block_are_where_the_registry_has_them() {
        let last_v4 = |block: [u8; 4], length: u32| Ipv4Addr::from_bits(u32::from_be_bytes(block) | mask(32 - length));
        for (block, length) in SPECIAL_V4 {
            check(&Ipv4Addr::from(block).to_string(), false);
            check(&last_v4(block, length).to_string(), false);
        }
        for (before, after) in [
            ("9.255.255.255", "11.0.0.0"),
            ("100.63.255.255", "100.128.0.0"),
            ("126.255.255.255", "128.0.0.0"),
            ("169.253.255.255", "169.255.0.0"),
            ("172.15.255.255", "172.32.0.0"),
            ("192.167.255.255", "192.169.0.0"),
            ("198.17.255.255", "198.20.0.0"),
            ("223.255.255.255", "1.0.0.0"),
        ] {
            check(before, true);
            check(after, true);
        }
    }

    fn mask(bits: u32) -> u32 {
        (1_u32 << bits) - 1
    }

    #[test]
    fn an_ipv6_address_is_global_only_outside_every_special_block() {
        for address in ["2600:1f18::1", "2606:4700:4700::1111", "2a00:1450:4001::64", "2001:200::1", "2620:4f:8000::1"]
        {
            check(address, true);
        }
        for address in [
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            check(address, false);
        }
    }
}
