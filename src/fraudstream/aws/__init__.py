"""The few calls to AWS that every transaction needs, without what makes botocore's clients slow; and botocore's own.

ADR 0039 says why: a client of botocore's takes 0.06 s to make, and three to four times the processor time for a call.
"""
