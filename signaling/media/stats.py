"""What a node counts. Every queue and every refusal has its number."""

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Counters:
    """Totals since the node started; packets are RTP unless the name says otherwise.

    ``out_of_buffer`` are packets the kernel would not take (its send buffer was full);
    ``dtls_overflow`` are handshake records dropped from a full queue.
    """

    packets_in: int = 0
    packets_out: int = 0
    duplicates: int = 0
    too_late: int = 0
    foreign: int = 0
    unprotect_failed: int = 0
    protect_failed: int = 0
    out_of_buffer: int = 0
    send_failed: int = 0
    malformed: int = 0
    unrouted: int = 0
    stun_refused: int = 0
    dtls_overflow: int = 0
    nacks_up: int = 0
    nacks_down: int = 0
    recovered: int = 0
    retransmitted: int = 0
    retransmit_missed: int = 0
    keyframe_requests: int = 0

    def as_dict(self) -> dict[str, int]:
        """Name to total."""
        return asdict(self)
