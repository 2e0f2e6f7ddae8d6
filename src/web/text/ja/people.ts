import type { Text } from '../en/index.ts'

export const people: Text['people'] = {
  title: 'メンバー',
  lead: '組織のメンバーと所属チーム、招待中の人です。',
  tabs: { members: 'メンバー一覧', teams: 'チーム', invitations: '招待' },
  columns: { name: 'ユーザー', role: '役割', teams: 'チーム', since: '参加日', seen: '最終利用' },
  roles: { owner: 'オーナー', editor: '編集者', member: 'メンバー' },
  roleHelp:
    'オーナーはすべての操作ができます。編集者はすべてのリポジトリにプッシュでき、管理もできます。メンバーはプルと、チームに許可された操作ができます。',
  roleOf: (name) => `${name} の役割`,
  find: '名前で探す',
  you: 'あなた',
  nobody: 'この名前の人はいません。',
  add: 'メンバーを追加',
  addTitle: 'アカウントのある人を追加',
  addHelp: '同じ組織の人はユーザー名で、ほかの人はアカウントの ID で指定します。',
  changed: '役割を変更しました。',
  remove: '削除',
  removeTitle: (name) => `${name} を組織から削除しますか？`,
  removeLead:
    '組織へのアクセス権をすぐに失い、すべてのチームからも外れます。アカウントと、プッシュしたものは残ります。',
  leave: '脱退',
  leaveTitle: (organization) => `${organization} から脱退しますか？`,
  leaveLead: 'アクセス権をすぐに失います。戻るにはオーナーの招待が必要です。',
  mayNot: '招待や役割の変更ができるのはオーナーだけです。オーナーに依頼してください。',
}
