"""Who is together, and who therefore receives whom."""

import hashlib
from collections.abc import Callable

from signaling import protocol
from signaling.media.peer import Entrant, Listener, Peer
from signaling.media.uplink import Ground

CAPACITY = 6


class Room:
    """Up to six participants, each receiving all the others.

    Exists while somebody is in it; ``emptied`` is called when the last one has left. ``salt``
    makes participants' ids: the same for the same person as long as the node lives, and nothing
    about who they are.
    """

    def __init__(
        self, name: str, ground: Ground, salt: bytes, *, emptied: Callable[["Room"], None]
    ) -> None:
        self.name = name
        self._ground = ground
        self._salt = salt
        self._emptied = emptied
        self._peers: dict[str, Peer] = {}

    @property
    def peers(self) -> list[Peer]:
        """Who is in, in order of joining."""
        return list(self._peers.values())

    def join(self, entrant: Entrant, listener: Listener) -> Peer | None:
        """Let somebody in; None when the room is full.

        Whoever is in already and joins again (a reload, another network, another phone) replaces
        themselves: being locked out by one's own dead connection is what callers hate most.
        """
        identifier = self._identify(entrant.who)
        before = self._peers.get(identifier)
        if before is None and len(self._peers) >= CAPACITY:
            listener.say(protocol.Closed("full"))
            return None
        peer = Peer(self, self._ground, entrant, identifier, listener)
        # First in, then out: the room must not count as empty in between.
        self._peers[identifier] = peer
        if before is not None:
            before.close("replaced")
        self.tell(protocol.ParticipantJoined(peer.shown), but=peer)
        peer.enter([other.shown for other in self._others(peer)])
        return peer

    def _identify(self, who: str) -> str:
        material = f"{self.name}\n{who}".encode()
        return hashlib.blake2b(material, key=self._salt, digest_size=9).hexdigest()

    def _others(self, peer: Peer) -> list[Peer]:
        return [other for other in self._peers.values() if other is not peer]

    def tell(self, message: protocol.ServerMessage, *, but: Peer | None = None) -> None:
        """Send to everybody, but one."""
        for peer in self.peers:
            if peer is not but:
                peer.say(message)

    def media_up(self, peer: Peer) -> None:
        """Everybody else receives the peer's tracks."""
        for other in self._others(peer):
            other.downlink.add(peer.id, peer.tracks)

    def media_down(self, peer: Peer) -> None:
        """Nobody receives the peer's tracks any more."""
        for other in self._others(peer):
            other.downlink.remove(peer.id)

    def media_wanted(self, peer: Peer) -> None:
        """The peer receives everybody else's tracks."""
        for other in self._others(peer):
            if other.tracks:
                peer.downlink.add(other.id, other.tracks)

    def left(self, peer: Peer) -> None:
        """The peer has closed."""
        self.media_down(peer)
        if self._peers.get(peer.id) is peer:
            del self._peers[peer.id]
        for other in self.peers:
            if other.id != peer.id:  # their own successor has nobody to miss
                other.say(protocol.ParticipantLeft(peer.id))
        if not self._peers:
            self._emptied(self)

    def close(self, reason: protocol.Reason) -> None:
        """Send everybody away."""
        for peer in self.peers:
            peer.close(reason)

    def tick(self, now: float) -> None:
        """Called ten times a second."""
        for peer in self.peers:
            peer.tick(now)
