/** A secret that is shown this once. */
import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import { Command } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'

export function NewSecret({ secret, onClose }: { readonly secret: string; readonly onClose: () => void }) {
  const { text } = useSpeech()
  return (
    <Stack>
      <Alert color="teal" variant="light" title={text.webhooks.secretTitle}>
        <Stack gap="xs">
          <Text size="sm">{text.webhooks.secretLead}</Text>
          <Command line={secret} />
        </Stack>
      </Alert>
      <Group justify="flex-end">
        <Button onClick={onClose}>{text.common.close}</Button>
      </Group>
    </Stack>
  )
}
