import { Caller, OpenStreams, Scoped, Shutdown, clientLeft } from '@app/http';
import { type Caller as CallerValue, ReadRecorder } from '@app/kernel';
import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { AuditService } from '../../application/audit.service.js';
import { AuditPage, ExportAuditQuery, SearchAuditQuery, toQuery, toResponse } from './audit.dto.js';
import { sendExport } from './send-export.js';

@ApiTags('audit')
@ApiBearerAuth()
@Controller('v1/audit')
export class AuditController {
  constructor(
    private readonly audit: AuditService,
    private readonly streams: OpenStreams,
    private readonly shutdown: Shutdown,
    private readonly reads: ReadRecorder,
  ) {}

  @Get()
  @Scoped('audit:read')
  @ApiOperation({
    summary: 'Search the audit log, newest first',
    description:
      'A key that is limited to projects sees only the records of these; records without a project are hidden.',
  })
  @ApiOkResponse({ type: AuditPage })
  async search(@Query() query: SearchAuditQuery, @Caller() caller: CallerValue): Promise<AuditPage> {
    await this.recordRead('search', query);
    const page = await this.audit.search(toQuery(query), query, caller);
    return { ...page, data: page.data.map(toResponse) };
  }

  @Get('export')
  @Scoped('audit:read')
  @ApiOperation({
    summary: 'Export the audit log, oldest first',
    description:
      'Streams the sealed records, up to the last one at the start of the request. To resume, or to get what was ' +
      'recorded since, pass the `seq` of the last record as `after`. A response that breaks off is not complete. ' +
      'In CSV, text that a spreadsheet would run as a formula begins with an apostrophe.',
  })
  @ApiProduces('application/x-ndjson', 'text/csv')
  @ApiOkResponse({ schema: { type: 'string', description: 'One record per line' } })
  async export(
    @Query() query: ExportAuditQuery,
    @Caller() caller: CallerValue,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    this.streams.hold(caller.keyId, response);
    await this.recordRead('export', query);
    const signal = clientLeft(request, this.shutdown.signal);
    const batches = await this.audit.export(toQuery(query), query.after, caller, signal);
    await sendExport(batches, query.format, response, signal);
  }

  private recordRead(target: string, query: object): Promise<void> {
    return this.reads.record({ type: 'audit.read', target, data: Object.fromEntries(Object.entries(query)) });
  }
}
