/** One entry of an audit log, with what it changed. */
import { Code, SimpleGrid, Stack, Text } from '@mantine/core'
import type { AuditEntry } from '../../api/audit.ts'
import { Dialog } from '../shell/dialog.tsx'
import { Facts } from '../shell/facts.tsx'
import { Time } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'

export function AuditDetails({ entry, onClose }: { readonly entry: AuditEntry; readonly onClose: () => void }) {
  const { text, said } = useSpeech()
  const { at, actor, token, action, object, address, requestId } = entry
  return (
    <Dialog title={`${said?.audit[action] ?? action} ${object}`} size="xl" onClose={onClose}>
      <Stack>
        <Facts
          facts={[
            [text.audit.columns.at, <Time key="at" at={at} />],
            [
              text.audit.columns.actor,
              [actor.replace(/^user:/, ''), ...(token === null ? [] : [text.audit.token(token)])].join(' '),
            ],
            [text.audit.columns.outcome, text.audit.outcomes[entry.outcome]],
            ...(address === null ? [] : [[text.audit.address, address] as const]),
            ...(requestId === null ? [] : [[text.audit.request, requestId] as const]),
          ]}
        />
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <ShownState label={text.audit.before} state={entry.before} />
          <ShownState label={text.audit.after} state={entry.after} />
        </SimpleGrid>
      </Stack>
    </Dialog>
  )
}

function ShownState({ label, state }: { readonly label: string; readonly state: AuditEntry['before'] }) {
  const { text } = useSpeech()
  return (
    <div>
      <Text size="sm" fw={600}>
        {label}
      </Text>
      {state === null ? (
        <Text size="sm" c="dimmed">
          {text.audit.nothing}
        </Text>
      ) : (
        <Code
          block
          style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere', maxHeight: 400, overflowY: 'auto' }}
          tabIndex={0}
        >
          {JSON.stringify(state, null, 2)}
        </Code>
      )}
    </div>
  )
}
