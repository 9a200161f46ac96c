/** Any verb of byname, as a child that ends with its parent: `node verb.ts connector run …`. */
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
await import('../main.ts')
