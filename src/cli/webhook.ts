import type { Command } from 'commander'
import type { CommandLine } from './command-line.ts'
import { addWebhookListenCommand } from './webhook-listen.ts'

export function addWebhookCommands(program: Command, line: CommandLine): void {
  const webhook = program.command('webhook').description('tell other programs what happens')
  addWebhookListenCommand(webhook, line)
}
