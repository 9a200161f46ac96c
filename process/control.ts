/**
 * The local control socket of a daemon: a Unix socket of mode 0600, so that the kernel lets in the
 * daemon's own user and root and nobody else. One JSON document a line:
 *
 *     → {"id": 1, "method": "status", "params": {}}
 *     ← {"id": 1, "result": …}  or  {"id": 1, "error": {"code": "ERR_…", "message": "…", …facts}}
 *     ← {"id": 1, "item": …} … {"id": 1, "done": true}      for a verb that streams
 *     → {"id": 1, "cancel": true}                           ends a stream, which answers with done
 */
export { type CallOptions, ControlError, callControl, followControl } from './control/call.ts'
export type { ControlCall, ControlOptions, ControlVerb } from './control/connection.ts'
export { type ControlServer, serveControl } from './control/serve.ts'
