/** Says its port, and to each connection the uid that it sees at the other end. */
import { type AddressInfo, createServer } from 'node:net'
import { openPeerUids } from '../../client/peer/uid.ts'

const uids = openPeerUids()
const server = createServer((socket) => {
  socket.on('error', () => {})
  socket.end(String(uids.uidOf(socket)))
})
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
