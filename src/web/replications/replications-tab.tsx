/** Where a repository is sent on to. */
import { Button, Group, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useReplications } from '../api/replications.ts'
import { useAllowed } from '../api/repositories.ts'
import { MayNot } from '../shell/may-not.tsx'
import { Empty, Failure, Rows } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'
import { ReplicationCard } from './replication-card.tsx'
import { StartDialog } from './start-dialog.tsx'

export function ReplicationsTab({ name }: { readonly name: string }) {
  const { text } = useSpeech()
  const replications = useReplications(name)
  const allowed = useAllowed(name)
  const [isStarting, starting] = useDisclosure()
  if (replications.isError) return <Failure error={replications.error} retry={() => void replications.refetch()} />
  if (replications.data === undefined) return <Rows count={3} />
  return (
    <Stack>
      <Group justify="space-between">
        <Text c="dimmed">{text.replications.lead}</Text>
        {allowed.has('replication.start') ? <Button onClick={starting.open}>{text.replications.start}</Button> : null}
      </Group>
      {allowed.size > 0 && !allowed.has('replication.start') ? <MayNot>{text.replications.mayNot}</MayNot> : null}
      {replications.data.length === 0 ? <Empty>{text.replications.empty}</Empty> : null}
      {replications.data.map((replication) => (
        <ReplicationCard key={replication.id} replication={replication} allowed={allowed} />
      ))}
      {isStarting ? <StartDialog repository={name} onClose={starting.close} /> : null}
    </Stack>
  )
}
