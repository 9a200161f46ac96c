import type { Command } from 'commander'

/** The flags of every verb that speaks to the edge of this machine. */
export const addEdgePlaces = (command: Command): Command =>
  command
    .option('--config <file>', "the edge's settings, when they say where its state is")
    .option('--state <directory>', "the edge's state directory")
