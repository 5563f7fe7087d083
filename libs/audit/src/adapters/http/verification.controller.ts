import { once } from 'node:events';
import { Caller, OpenStreams, PageQuery, Scoped } from '@app/http';
import { type Caller as CallerValue, Install, NotFound } from '@app/kernel';
import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CheckpointRepository } from '../../application/checkpoint.repository.js';
import { type Progress, type Verdict, Verification } from '../../application/verification.js';
import {
  AuditKeyResponse,
  CheckpointPage,
  VerdictResponse,
  toCheckpointResponse,
  toKeyResponse,
  toVerdictResponse,
} from './verification.dto.js';

const NDJSON = 'application/x-ndjson';

@ApiTags('audit')
@ApiBearerAuth()
@Controller('v1/audit')
export class VerificationController {
  constructor(
    private readonly verification: Verification,
    private readonly checkpoints: CheckpointRepository,
    private readonly streams: OpenStreams,
    private readonly install: Install,
  ) {}

  @Get('verify')
  @Scoped('audit:read')
  @ApiOperation({
    summary: 'Verify the whole log: its seals, and the checkpoints beside it',
    description:
      'With `Accept: application/x-ndjson` a line after each batch says how far it is, `{"checked", "lastSeq"}`; the last line is the verdict. ' +
      'What this finds and what only a checkpoint finds that is kept elsewhere is in the guide.',
  })
  @ApiProduces('application/json', NDJSON)
  @ApiOkResponse({ type: VerdictResponse })
  async verify(@Caller() caller: CallerValue, @Req() request: Request, @Res() response: Response): Promise<void> {
    this.streams.hold(caller.keyId, response);
    const isStream = request.accepts(['application/json', NDJSON]) === NDJSON;
    if (isStream) response.type(NDJSON);
    const verdict = await this.follow(response, async (progress) => {
      if (isStream && !response.write(`${JSON.stringify(progress)}\n`)) await once(response, 'drain');
    });
    if (verdict === null) return;
    const body = toVerdictResponse(verdict);
    if (isStream) response.end(`${JSON.stringify(body)}\n`);
    else response.json(body);
  }

  @Get('checkpoints')
  @Scoped('audit:read')
  @ApiOperation({ summary: 'List signed checkpoints of the log, newest first' })
  @ApiOkResponse({ type: CheckpointPage })
  async list(@Query() query: PageQuery): Promise<CheckpointPage> {
    const page = await this.checkpoints.list(query);
    return { ...page, data: page.data.map((each) => toCheckpointResponse(each, this.install.id)) };
  }

  @Get('checkpoints/key')
  @Scoped('audit:read')
  @ApiOperation({ summary: 'Show the public key that verifies checkpoints, and those before it' })
  @ApiOkResponse({ type: AuditKeyResponse })
  async key(): Promise<AuditKeyResponse> {
    const [current, ...former] = [...(await this.checkpoints.keys())].reverse();
    if (current === undefined) throw new NotFound('key of the audit log', 'current');
    const more = { algorithm: 'Ed25519', installId: this.install.id, former: former.map(toKeyResponse) };
    return Object.assign(toKeyResponse(current), more);
  }

  /** Null: the client has left. */
  private async follow(response: Response, note: (progress: Progress) => Promise<void>): Promise<Verdict | null> {
    const steps = this.verification.verify();
    for (;;) {
      const { done, value } = await steps.next();
      if (response.destroyed) return null;
      if (done === true) return value;
      await note(value);
    }
  }
}
