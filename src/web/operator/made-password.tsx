/** A password that was made for somebody, this once. */
import { Button, Group, Stack } from '@mantine/core'
import type { UserCreated } from '../../api/users.ts'
import { Once } from '../shell/once.tsx'
import { useSpeech } from '../text/language.tsx'

export function MadePassword({ made, onClose }: { readonly made: UserCreated; readonly onClose: () => void }) {
  const { text } = useSpeech()
  return (
    <Stack>
      <Once
        title={text.operator.passwordMade(made.user.username)}
        lead={text.operator.passwordLead}
        secret={made.password ?? ''}
      />
      <Group justify="flex-end">
        <Button onClick={onClose}>{text.common.close}</Button>
      </Group>
    </Stack>
  )
}
