"""From batches and messages to tables: what the pipeline keeps between two snapshots.

``pipeline_state`` is all of it, ``vrp_store`` every source's VRPs, ``delta`` small changes to large
tables, ``assembly`` the same in one sitting for one-shot commands.
"""
