import type { Log } from '../../process/log.ts'
import type { AcceptedSocket, PeerUids } from './uid.ts'

/** Tells whether a program that connected to a loopback port is this user's own. */
export interface Door {
  admits(socket: AcceptedSocket): boolean
}

/** Only programs of `ownUid`; each other uid is named in the log once. */
export function uidDoor(peers: Pick<PeerUids, 'uidOf'>, ownUid: number, log: Log): Door {
  const told = new Set<number | undefined>()
  return {
    admits(socket) {
      const uid = peers.uidOf(socket)
      if (uid === ownUid) return true
      if (!told.has(uid) && told.size < MAX_TOLD) {
        told.add(uid)
        const who = uid === undefined ? 'a program that had gone' : `uid ${uid}`
        log.warn(
          { event: 'other-user-refused', uid, port: socket.localPort },
          `${who} was turned away: this port serves uid ${ownUid} only`,
        )
      }
      return false
    },
  }
}

/** A credential is asked for later, by the protocol. */
export const openDoor: Door = { admits: () => true }

const MAX_TOLD = 100
