/** Recovery codes, the one time that they are shown. */
import { Button, Code, CopyButton, Group, SimpleGrid, Stack, Text } from '@mantine/core'
import { CheckIcon, CopyIcon, DownloadIcon } from '@primer/octicons-react'
import { Dialog } from '../shell/dialog.tsx'
import { useSpeech } from '../text/language.tsx'

export function RecoveryCodes(o: {
  readonly codes: readonly string[]
  readonly username: string
  readonly onClose: () => void
}) {
  const { text } = useSpeech()
  const lines = `${text.profile.twoFactor.file(location.host, o.username)}\n\n${o.codes.join('\n')}\n`
  return (
    <Dialog title={text.profile.twoFactor.codes} onClose={o.onClose}>
      <Stack>
        <Text>{text.profile.twoFactor.codesLead}</Text>
        <SimpleGrid cols={2} spacing="xs">
          {o.codes.map((code) => (
            <Code key={code} block ta="center">
              {code}
            </Code>
          ))}
        </SimpleGrid>
        <Group justify="space-between">
          <Group gap="xs">
            <Button variant="default" leftSection={<DownloadIcon />} onClick={() => save(lines)}>
              {text.profile.twoFactor.download}
            </Button>
            <CopyButton value={o.codes.join('\n')}>
              {({ copied, copy }) => (
                <Button variant="default" leftSection={copied ? <CheckIcon /> : <CopyIcon />} onClick={copy}>
                  {copied ? text.common.copied : text.profile.twoFactor.copy}
                </Button>
              )}
            </CopyButton>
          </Group>
          <Button onClick={o.onClose}>{text.profile.twoFactor.kept}</Button>
        </Group>
      </Stack>
    </Dialog>
  )
}

/** As a file of the browser's own machine; nothing of it goes to a server. */
function save(lines: string): void {
  const url = URL.createObjectURL(new Blob([lines], { type: 'text/plain' }))
  const link = document.createElement('a')
  link.href = url
  link.download = `kagami-recovery-codes-${location.hostname}.txt`
  link.click()
  URL.revokeObjectURL(url)
}
