/** Says what would be here and how it comes about, where nothing is yet. */
import { Stack, Text } from '@mantine/core'
import { Command } from './parts.tsx'

export function Teach(o: {
  readonly children: string
  /** The same by the command line. */
  readonly command?: string
}) {
  return (
    <Stack align="center" py="lg" gap="sm">
      <Text c="dimmed" ta="center" maw={520}>
        {o.children}
      </Text>
      {o.command === undefined ? null : (
        <div style={{ maxWidth: '100%', width: 560 }}>
          <Command line={o.command} />
        </div>
      )}
    </Stack>
  )
}
