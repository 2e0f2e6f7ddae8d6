import type { Text } from '../en/index.ts'

export const people: Text['people'] = {
  title: 'メンバー',
  lead: '組織のメンバーと、それぞれにできることです。',
  columns: { name: 'ユーザー', role: '役割', since: '参加日' },
  roles: { owner: 'オーナー', editor: '編集者', member: 'メンバー' },
  roleHelp:
    'オーナーはすべての操作ができます。編集者はすべてのリポジトリにプッシュでき、管理もできます。メンバーはプルができます。',
  roleOf: (name) => `${name} の役割`,
  changed: '役割を変更しました。',
  remove: '削除',
  removeTitle: (name) => `${name} を組織から削除しますか？`,
  removeLead: '組織へのアクセス権をすぐに失います。アカウントは残ります。',
  invitations: '招待',
  invite: 'メンバーを招待',
  inviteLead: '7 日以内に 1 回だけ使えるリンクを作成します。リンクはご自身で相手に送ってください。',
  link: '招待リンク (今回だけ表示されます)',
  noInvitations: '招待はまだありません。',
  states: { open: '有効', accepted: '使用済み', revoked: '取り消し済み', expired: '期限切れ', void: '無効' },
  revoke: '取り消す',
  mayNot: '招待や役割の変更ができるのはオーナーだけです。オーナーに依頼してください。',
}
